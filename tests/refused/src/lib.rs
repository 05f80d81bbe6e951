//! Programs that the compiler refuses. They are in `tests`, by stage, each with
//! the words of the compiler beside it.
