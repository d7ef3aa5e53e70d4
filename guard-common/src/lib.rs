//! What the kernel programs and the daemon say to each other: ids, verdicts, reasons, limits, events, map rows.
//!
//! Holds no logic beyond naming and no allocation. Every shared struct is plain bytes with names: explicit
//! padding, an asserted size, no `bool`, `enum`, `usize` or `Option` inside.
#![no_std]

pub mod event;
pub mod fault;
pub mod fields;
pub mod limits;
pub mod map;
pub mod reason;
pub mod surface;
pub mod verdict;
pub mod zone;

pub use reason::Reason;
pub use surface::{Operation, Surface};
pub use verdict::Verdict;
pub use zone::ZoneId;

/// Defines a fieldless enum whose variants travel as an integer, with one name each for people.
///
/// Gives `ALL`, `name()`, `from_raw()` (total: an unknown number is `None`) and `from_name()`.
macro_rules! wire_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $repr:ty {
        $($(#[$vmeta:meta])* $variant:ident = $value:literal => $text:literal,)+
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        $vis enum $name { $($(#[$vmeta])* $variant = $value,)+ }

        impl $name {
            /// Every variant, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The one word for it in policies, records and messages.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The variant with this number; `None` for a number nobody defined.
            pub const fn from_raw(raw: $repr) -> Option<Self> {
                match raw { $($value => Some(Self::$variant),)+ _ => None }
            }

            /// The number that travels in maps and events.
            pub const fn raw(self) -> $repr {
                self as $repr
            }

            /// The variant with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use wire_enum;
