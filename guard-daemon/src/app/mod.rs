//! Wiring, main loop, supervision. Decides nothing.
