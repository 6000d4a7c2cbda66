//! Link and network layer.
pub(crate) mod control;
pub(crate) mod fragments;
pub(crate) mod ip;
pub(crate) mod link;
pub(crate) mod rare;
pub(crate) mod transport;
