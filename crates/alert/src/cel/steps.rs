//! Counts what an evaluation looks at, in tests alone: nodes and samples.

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
pub(crate) fn count() {
    STEPS.with(|steps| steps.set(steps.get() + 1));
}

#[cfg(not(test))]
pub(super) const fn count() {}

/// Steps since it was last asked.
#[cfg(test)]
pub(crate) fn take() -> u64 {
    STEPS.with(|steps| steps.replace(0))
}
