//! Types shared.
#![no_std]
