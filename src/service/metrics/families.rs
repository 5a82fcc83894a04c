//! How metrics are made: families by closed sets of labels, every series of them at once.

use prometheus::core::Collector;
use prometheus::{
    Error, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// What tells the series of a family apart.
pub(super) trait Label: Copy + PartialEq + 'static {
    /// The labels' names.
    const NAMES: &'static [&'static str];

    /// Every series that there is.
    fn all() -> Vec<Self>;

    /// The labels' values, in the order of their names.
    fn values(self) -> Vec<&'static str>;
}

/// A counter by label.
pub(super) struct Counters<L>(Vec<(L, IntCounter)>);

impl<L: Label> Counters<L> {
    pub(super) fn inc(&self, label: L) {
        // There are few, and they are next to each other.
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == label) {
            counter.inc();
        }
    }
}

/// A histogram by label.
pub(super) struct Histograms<L>(Vec<(L, Histogram)>);

impl<L: Label> Histograms<L> {
    pub(super) fn observe(&self, label: L, value: f64) {
        if let Some((_, histogram)) = self.0.iter().find(|(known, _)| *known == label) {
            histogram.observe(value);
        }
    }
}

/// Makes families of a registry. Fails only where two metrics have one name.
pub(super) struct Families<'a>(pub(super) &'a Registry);

impl Families<'_> {
    pub(super) fn register<C: Collector + Clone + 'static>(
        &self,
        made: Result<C, Error>,
    ) -> Result<C, Error> {
        let made = made?;
        self.0.register(Box::new(made.clone()))?;
        Ok(made)
    }

    pub(super) fn gauge(&self, name: &str, help: &str) -> Result<IntGauge, Error> {
        self.register(IntGauge::new(name, help))
    }

    pub(super) fn gauges(&self, name: &str, help: &str, label: &str) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), &[label]))
    }

    pub(super) fn counters<L: Label>(&self, name: &str, help: &str) -> Result<Counters<L>, Error> {
        let family = self.register(IntCounterVec::new(Opts::new(name, help), L::NAMES))?;
        let all = L::all().into_iter();
        Ok(Counters(all.map(|label| (label, family.with_label_values(&label.values()))).collect()))
    }

    pub(super) fn histograms<L: Label>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> Result<Histograms<L>, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let family = self.register(HistogramVec::new(options, L::NAMES))?;
        let all = L::all().into_iter();
        Ok(Histograms(
            all.map(|label| (label, family.with_label_values(&label.values()))).collect(),
        ))
    }
}

/// A number as a gauge takes it.
pub(super) fn signed(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}
