//! Seats: how many connections a listener has, in all and from one peer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The seats of a listener.
pub(crate) struct Seats {
    most: usize,
    most_per_peer: usize,
    taken: AtomicUsize,
    by_peer: Mutex<HashMap<IpAddr, usize>>,
}

/// Why there is no seat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All are taken.
    All,
    /// This peer has its share.
    Peer,
}

impl Full {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "full",
            Self::Peer => "peer",
        }
    }
}

impl Seats {
    pub(crate) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        let (taken, by_peer) = (AtomicUsize::new(0), Mutex::default());
        Arc::new(Self { most, most_per_peer, taken, by_peer })
    }

    pub(crate) fn most(&self) -> usize {
        self.most
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A seat, free again when it is dropped. Who comes from this machine without an address (a Unix
    /// socket) has no share of their own to exceed.
    pub(crate) fn take(self: &Arc<Self>, address: Option<IpAddr>) -> Result<Seat, Full> {
        let peer = address.map(network);
        if let Some(peer) = peer {
            let mut by_peer = self.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
            let has = by_peer.entry(peer).or_default();
            if *has >= self.most_per_peer {
                return Err(Full::Peer);
            }
            *has = has.saturating_add(1);
        }
        // From here on dropping it gives everything back.
        let seat = Seat { seats: Arc::clone(self), peer };
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.most {
            return Err(Full::All);
        }
        Ok(seat)
    }
}

/// One connection's place.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    peer: Option<IpAddr>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.taken.fetch_sub(1, Ordering::Relaxed);
        let Some(peer) = self.peer else {
            return;
        };
        let mut by_peer = self.seats.by_peer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(has) = by_peer.get_mut(&peer) {
            *has = has.saturating_sub(1);
            if *has == 0 {
                by_peer.remove(&peer);
            }
        }
    }
}

/// Who shares a share: an IPv6 host usually has a network of 64 bits to itself.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn seats_are_bounded_in_all_and_by_peer_and_come_back() {
        let seats = Seats::new(4, 2);
        let first = seats.take(from("192.0.2.1")).unwrap();
        let second = seats.take(from("192.0.2.1")).unwrap();
        assert_eq!(seats.take(from("192.0.2.1")).err(), Some(Full::Peer));
        let _other = seats.take(from("192.0.2.2")).unwrap();
        let _local = seats.take(None).unwrap();
        assert_eq!(seats.take(from("192.0.2.3")).err(), Some(Full::All));
        assert_eq!(seats.take(None).err(), Some(Full::All));
        assert_eq!(seats.taken(), 4);
        drop((first, second));
        assert_eq!(seats.taken(), 2);
        let _again = seats.take(from("192.0.2.1")).unwrap();
        assert_eq!(seats.by_peer.lock().unwrap().len(), 2, "peers that have gone are forgotten");
    }

    #[test]
    fn a_mapped_address_and_a_network_of_64_bits_are_one_peer() {
        let seats = Seats::new(9, 1);
        let _seat = seats.take(from("192.0.2.1")).unwrap();
        assert_eq!(seats.take(from("::ffff:192.0.2.1")).err(), Some(Full::Peer));
        let _seat = seats.take(from("2001:db8:0:1::1")).unwrap();
        assert_eq!(seats.take(from("2001:db8:0:1:ffff::2")).err(), Some(Full::Peer));
        assert!(seats.take(from("2001:db8:0:2::1")).is_ok());
    }
}
