//! How cameras and recorders are found, and what they say of themselves then.
pub(super) mod dahua;
pub(super) mod hikvision;
pub(super) mod ws_discovery;
