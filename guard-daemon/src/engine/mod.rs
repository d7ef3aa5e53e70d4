//! Pure judgement: input to effects.
