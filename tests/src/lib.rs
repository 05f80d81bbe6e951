//! What looks at all the stages from outside.
