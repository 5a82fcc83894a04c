//! Sessions in HTTP: the layer, its carriers and its extractors, called as an application is.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::string_slice
)]

mod browser;
mod carriers;
mod chunks;
#[path = "../common/mod.rs"]
mod common;
mod cookies;
mod life;
mod logout;
mod misuse;
mod parallel;
mod regression;
mod services;
mod shop;
mod state;
mod told;
mod too_large;
