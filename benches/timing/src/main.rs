//! Whether what is compared with a secret takes as long where it is nearly right as where it is not: tags of tokens
//! by the library, credentials and roles by the running service. Two classes of inputs, in random order.

mod service;
mod tags;

use dudect_bencher::ctbench_main;

use service::{a_credential, a_role};
use tags::{a_comparison_that_leaks, a_jwt_tag, a_sealed_tag, a_signed_tag};

ctbench_main!(a_comparison_that_leaks, a_signed_tag, a_sealed_tag, a_jwt_tag, a_credential, a_role);

/// Of both classes together, each time.
const SAMPLES: usize = 1_000_000;
