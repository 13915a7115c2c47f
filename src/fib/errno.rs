//! Error numbers in the words of this room.

/// The symbolic name of an error number that route changes meet; `errno 123` for others.
pub(super) fn name(errno: i32) -> String {
    let name = match errno {
        libc::EPERM => "EPERM",
        libc::ENOENT => "ENOENT",
        libc::ESRCH => "ESRCH",
        libc::EINTR => "EINTR",
        libc::EAGAIN => "EAGAIN",
        libc::ENOMEM => "ENOMEM",
        libc::EACCES => "EACCES",
        libc::EBUSY => "EBUSY",
        libc::EEXIST => "EEXIST",
        libc::ENODEV => "ENODEV",
        libc::EINVAL => "EINVAL",
        libc::ENFILE => "ENFILE",
        libc::ENOSPC => "ENOSPC",
        libc::EROFS => "EROFS",
        libc::EOPNOTSUPP => "EOPNOTSUPP",
        libc::EAFNOSUPPORT => "EAFNOSUPPORT",
        libc::EADDRNOTAVAIL => "EADDRNOTAVAIL",
        libc::ENETDOWN => "ENETDOWN",
        libc::ENETUNREACH => "ENETUNREACH",
        libc::EHOSTUNREACH => "EHOSTUNREACH",
        libc::ENOBUFS => "ENOBUFS",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}

/// What an error number means for a route.
pub(super) fn meaning(errno: i32) -> &'static str {
    match errno {
        libc::EPERM | libc::EACCES => "missing CAP_NET_ADMIN",
        libc::EEXIST => "another route with this prefix and metric exists",
        libc::ENETUNREACH | libc::EHOSTUNREACH => "the gateway is not on a connected network",
        libc::ENETDOWN => "the interface is down",
        libc::ENODEV => "the interface does not exist",
        libc::ENOENT | libc::ESRCH => "the route is not there",
        libc::ENOMEM | libc::ENOBUFS | libc::ENFILE | libc::ENOSPC => "the kernel is out of room",
        libc::EOPNOTSUPP | libc::EAFNOSUPPORT => "the kernel does not support it",
        libc::EINVAL => "the kernel takes the route for invalid",
        _ => "refused by the kernel",
    }
}
