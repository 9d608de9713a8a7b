export const answer = () => 42;

throw new RangeError('This module never loads');
