import fc from 'fast-check';

// That a property does not hold is enough: looking for its smallest counterexample takes the longest.
fc.configureGlobal({ ...fc.readConfigureGlobal(), endOnFailure: true });
