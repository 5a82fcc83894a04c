//! A ring, a session, a renewal, in one program:
//!
//! ```text
//! cargo run --example first_token
//! ```

use saddlebag::keys::{KeyRingHandle, Policy, UnixTime, rotation};
use saddlebag::{NewSession, Protection, Renewal, Tokens};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A service reads its ring from a file instead: Tokens::from_file("ring.json").
    let plan =
        rotation::init("example", Policy::default(), UnixTime::now(), &mut rand::rngs::SysRng)?;
    let tokens = Tokens::builder(KeyRingHandle::fixed(plan.ring)).audience("shop").build()?;

    let cart = Cart { items: vec!["apples".into()] };
    for protection in [Protection::Signed, Protection::Sealed] {
        let session = NewSession::of(&cart).subject("alice").protection(protection);
        let issued = tokens.issue(session)?;
        println!("{protection}, {} characters: {}", issued.token.len(), issued.token);

        let verified = tokens.verify(&issued.token)?;
        let mut cart: Cart = verified.state()?;
        cart.items.push("pears".into());
        let renewed = tokens.renew(&verified, Renewal::keep().state(&cart))?;
        println!("  renewed with {:?}, until {}", cart.items, renewed.info.expires_at);
    }
    Ok(())
}
