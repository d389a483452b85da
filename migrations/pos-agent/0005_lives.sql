-- What became of this database: put back to a backup, or lived twice. The newest row is shown.
create table past (
    n integer primary key autoincrement,
    at integer not null,
    kind text not null check (kind in ('restored', 'copied')),
    life text not null,
    unique (kind, life)
) strict;

-- A row: receipt numbers may have been given that this database knows nothing of. No payment is
-- taken until the hub has said the last ones.
create table numbers_unknown (
    one integer primary key check (one = 1),
    since integer not null
) strict;
