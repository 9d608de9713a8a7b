export const double = (n) => n * 2;

export const missing = () => nothingOfThisName;

export const notAFunction = 5;
