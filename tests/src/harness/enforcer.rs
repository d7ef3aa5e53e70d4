//! Who has to refuse the attacks.

/// An enforcer that the cases can be held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcer {
    /// guard: each case has to pass.
    Guard,
    /// Nobody: each attack has to succeed, or its case proves nothing.
    None,
    /// Landlock, with all rights that the kernel has: its score is told.
    Landlock,
    /// AppArmor, with a profile: its score is told.
    AppArmor,
}

impl Enforcer {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Guard, Self::None, Self::Landlock, Self::AppArmor];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guard => "guard",
            Self::None => "none",
            Self::Landlock => "landlock",
            Self::AppArmor => "apparmor",
        }
    }

    /// The enforcer of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|enforcer| enforcer.name() == name)
    }
}
