//! Real peers of the Vault store, and faults between them and it: Vault in memory, on a disk and as a cluster,
//! Toxiproxy for what happens to bytes, and a proxy of our own for what happens to requests.
//!
//! A test crate takes it by `mod peers;`. `tests/peers/install` gets the programs;
//! where one is absent the test fails and says so. What was started ends when its value is dropped, also where
//! the test panics, and with the test's process where that is killed.

#![allow(dead_code, unused_imports)] // each test crate takes what it needs

pub(crate) mod certificates;
pub(crate) mod client;
pub(crate) mod dev_vault;
pub(crate) mod fault_proxy;
pub(crate) mod faults;
pub(crate) mod file_vault;
pub(crate) mod ports;
pub(crate) mod process;
pub(crate) mod raft;
pub(crate) mod toxiproxy;

pub(crate) use certificates::Authority;
pub(crate) use client::Client;
pub(crate) use dev_vault::DevVault;
pub(crate) use fault_proxy::FaultProxy;
pub(crate) use faults::{Fault, When};
pub(crate) use file_vault::FileVault;
pub(crate) use process::eventually;
pub(crate) use raft::RaftCluster;
pub(crate) use toxiproxy::{Stream, Toxiproxy};
