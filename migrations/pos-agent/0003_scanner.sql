-- What a scanner puts around every code, as it was taught. No row: nothing.
create table scanner_affix (
    one integer primary key check (one = 1),
    prefix text not null,
    suffix text not null,
    staff text not null,
    at integer not null
) strict;
