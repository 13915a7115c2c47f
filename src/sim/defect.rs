//! Faults put in on purpose, so that it is known what the invariants see.

/// Something that the simulator does wrong, in place of a driver or of the RIB.
///
/// Those of the RIB are made by what it is told: a loop that it is told to tolerate is a loop that it
/// misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Defect {
    /// A member writes its own routes, too.
    OwnRoutesSent,
    /// A member does not write the withdrawals meant for it alone.
    AmendsLost,
    /// A member that fell out of its ring goes on as if nothing had happened.
    LagUntold,
    /// Withdrawals do not reach the RIB.
    WithdrawalsLost,
    /// MED is lost on its way into the RIB.
    MedLost,
    /// End-of-RIB does not reach the RIB.
    EndOfRibLost,
    /// The RIB does not hear that a session is down.
    DownUntold,
    /// The kernel never removes a route.
    KernelKeeps,
    /// The RIB does not hear of what changes on the way to next hops.
    NextHopsUntold,
    /// The RIB ranks all reachable next hops alike.
    CostsIgnored,
    /// The RIB does not hear of changed policies and roles.
    SetupsUntold,
    /// The RIB takes routes that went through its own AS.
    AsLoopsTaken,
    /// The RIB takes routes that went through its own cluster.
    ClusterLoopsTaken,
    /// Load is never shared.
    SinglePath,
}

impl Defect {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::OwnRoutesSent,
        Self::AmendsLost,
        Self::LagUntold,
        Self::WithdrawalsLost,
        Self::MedLost,
        Self::EndOfRibLost,
        Self::DownUntold,
        Self::KernelKeeps,
        Self::NextHopsUntold,
        Self::CostsIgnored,
        Self::SetupsUntold,
        Self::AsLoopsTaken,
        Self::ClusterLoopsTaken,
        Self::SinglePath,
    ];
}
