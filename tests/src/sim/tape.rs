//! A machine of the product with a tape of what was done to it, so that it can be had twice.
//!
//! The machines own no `Clone`, and a search must go on from one state in many ways: the twin is
//! made as the first one was and is led through the same inputs, with the same ids.
//! Invariant: everything that changes a machine goes through [`Taped::act`].

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use uuid::Uuid;

use super::rng::Rng;

/// Fresh ids: counted, spread so that their order is not the order of making.
#[derive(Debug, Clone, Default)]
pub(super) struct Ids(u128);

impl Ids {
    /// Those that follow a seed: the same seed gives the same ids.
    pub fn of(seed: u64) -> Self {
        Self(u128::from(seed) << 32)
    }

    pub fn next(&mut self) -> Uuid {
        self.0 += 1;
        let low = u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or(0);
        let spread = u128::from(Rng::new(low).next());
        Uuid::from_u128(spread << 64 | self.0 & u128::from(u64::MAX))
    }
}

type Input<M> = Rc<dyn Fn(&mut M)>;

/// A machine and, when it is to be had twice, all that was done to it.
pub(super) struct Taped<M> {
    machine: M,
    make: Option<Rc<dyn Fn() -> M>>,
    inputs: Vec<Input<M>>,
}

impl<M> Taped<M> {
    /// Makes the machine. `twice`: it will be cloned.
    pub fn new(twice: bool, make: impl Fn() -> M + 'static) -> Self {
        let machine = make();
        Self { machine, make: twice.then(|| Rc::new(make) as _), inputs: vec![] }
    }

    /// Does something to it that may need fresh ids.
    pub fn act<R>(
        &mut self,
        ids: &mut Ids,
        input: impl Fn(&mut M, &mut dyn FnMut() -> Uuid) -> R + 'static,
    ) -> R {
        let before = self.make.is_some().then(|| ids.clone());
        let result = input(&mut self.machine, &mut || ids.next());
        if let Some(before) = before {
            self.inputs.push(Rc::new(move |machine| {
                let mut ids = before.clone();
                input(machine, &mut || ids.next());
            }));
        }
        result
    }
}

impl<M> Deref for Taped<M> {
    type Target = M;

    fn deref(&self) -> &M {
        &self.machine
    }
}

impl<M> Clone for Taped<M> {
    fn clone(&self) -> Self {
        let Some(make) = &self.make else { panic!("this machine was not made to be had twice") };
        let mut machine = make();
        self.inputs.iter().for_each(|input| input(&mut machine));
        Self { machine, make: self.make.clone(), inputs: self.inputs.clone() }
    }
}

impl<M: fmt::Debug> fmt::Debug for Taped<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.machine.fmt(f)
    }
}
