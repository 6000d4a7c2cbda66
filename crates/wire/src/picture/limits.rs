//! How much the picture may hold, per worker. What does not fit is counted and reported as coverage.

/// MAC, IP and VLAN in use.
pub const ADDRESSES: usize = 1 << 20;
/// Things known of devices.
pub const IDENTITIES: usize = 1 << 19;
/// Names looked up or asked for.
pub const NAMES: usize = 1 << 20;
pub const CREDENTIALS: usize = 1 << 16;
pub const ROUTES: usize = 1 << 16;
pub const ODDITIES: usize = 1 << 16;
/// Rows of operations.
pub const OPERATIONS: usize = 1 << 21;
/// Conversations that are over.
pub const CONVERSATIONS: usize = 1 << 22;
/// Conversations under way.
pub const FLOWS: usize = 1 << 20;
/// Answers kept per name.
pub const ANSWERS: usize = 16;
/// Channels that a protocol announced and that did not open yet.
pub const EXPECTED: usize = 4096;
