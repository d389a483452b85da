//! Each text table is one test; its rows say what holds.

use super::table::run;

macro_rules! tables {
    ($($name:ident),+ $(,)?) => {$(
        #[test]
        fn $name() {
            let name = concat!(stringify!($name), ".txt");
            run(name, include_str!(concat!("../stock/", stringify!($name), ".txt")));
        }
    )+};
}

tables!(
    goods,
    reserve,
    releases,
    transfers,
    reservation_steps,
    sale,
    counts,
    shares,
    sessions,
    forks,
    retired,
    late,
    heal,
    refusals,
    items,
    kits,
    prices,
    settings,
);
