//! Judges of one shape behind one trait.
