//! The kernel programs' own diagnostics, into tracing. Off unless asked for; off, the level is a constant of the
//! loaded programs, and the verifier leaves the code out.

use std::io;

use aya_log::EbpfLogger;
use tracing_log::LogTracer;

use super::adopt;
use super::pins::PinFolder;
use super::programs;
use super::sys;

/// Environment variable that asks for diagnostics.
pub const VARIABLE: &str = "GUARD_KERNEL_LOG";

/// How much the kernel programs say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    #[default]
    Off,
    /// What went wrong.
    Error,
    /// What looks wrong.
    Warn,
    /// What happens seldom.
    Info,
    /// What each decision rests on.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// What [`VARIABLE`] asks for; an unknown word is an error that names the words.
    pub fn from_environment() -> Result<Self, String> {
        match std::env::var_os(VARIABLE) {
            None => Ok(Self::Off),
            Some(word) => Self::from_word(&word.to_string_lossy()).ok_or_else(|| {
                format!("{VARIABLE}={}: use off, error, warn, info, debug or trace", word.display())
            }),
        }
    }

    /// The level that a word names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "" | "off" => Some(Self::Off),
            "error" => Some(Self::Error),
            "warn" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            "trace" => Some(Self::Trace),
            _ => None,
        }
    }

    /// The number that the programs compare with; the logging library's levels begin at 1.
    pub(super) fn raw(self) -> u8 {
        match self {
            Self::Off => 0,
            Self::Error => 1,
            Self::Warn => 2,
            Self::Info => 3,
            Self::Debug => 4,
            Self::Trace => 5,
        }
    }
}

/// Hands diagnostics of the programs in force to tracing, until dropped. Call it when the level is not off;
/// spawn it beside the main loop.
pub async fn forward(pins: PinFolder) -> io::Result<()> {
    // Any program that logs at all leads to the one buffer that they share.
    let ids = programs::ALL.iter().filter_map(|program| adopt::program_id(&pins, program.name));
    let mut loggers = ids.filter_map(|id| EbpfLogger::init_from_id_with_logger(id, LogTracer::new()).ok());
    let logger = loggers.next();
    let logger =
        logger.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no program in force says anything"))?;
    let mut logger = sys::watch(logger)?;
    loop {
        let mut ready = logger.readable_mut().await?;
        ready.get_inner_mut().flush();
        ready.clear_ready();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_are_refused_not_taken_for_off() {
        assert_eq!(LogLevel::from_word("debug"), Some(LogLevel::Debug));
        assert_eq!(LogLevel::from_word("verbose"), None);
        assert_eq!(LogLevel::from_word("DEBUG"), None);
    }

    #[test]
    fn levels_are_the_logging_librarys() {
        assert_eq!(LogLevel::Off.raw(), 0);
        assert_eq!(LogLevel::Error.raw(), aya_log::Level::Error as u8);
        assert_eq!(LogLevel::Trace.raw(), aya_log::Level::Trace as u8);
    }
}
