//! Reasons to read the kernel again.

/// Why the kernel is read again, in rising order of what it explains: differences that a link or a
/// lost message explains are nobody's meddling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::fib) enum Resync {
    /// The safety net.
    Interval,
    /// An answer of the kernel that the mirror cannot explain.
    Refused,
    /// Others touched our routes, or an event does not fit the mirror.
    Event,
    /// A link with routes went down.
    Link,
    /// Messages were lost.
    Overrun,
    /// Nothing is known yet.
    Start,
}

impl Resync {
    /// The label in metrics.
    pub(in crate::fib) const fn name(self) -> &'static str {
        match self {
            Self::Interval => "interval",
            Self::Refused => "refused",
            Self::Event => "event",
            Self::Link => "link",
            Self::Overrun => "overrun",
            Self::Start => "start",
        }
    }

    pub(super) const fn blames_others(self) -> bool {
        matches!(self, Self::Interval | Self::Event)
    }
}
