-- The agent's journal: its machine, its copy of the hub's rows, and its registers.
-- Times are UTC microseconds. JSON columns hold what the programs encode; facts are never
-- encoded again. One schema version per file.

-- Who this agent is. No row: it has not joined a shop. Its key and the pepper of PINs are files of
-- their own: a copy of this database has neither.
create table agent (
    one integer primary key check (one = 1),
    agent_id text not null,
    hub_url text not null,
    hub_id text not null,
    location text not null,
    enrolled_at integer not null
) strict;

-- The machine (reference: sync::agent).
create table life (
    one integer primary key check (one = 1),
    life text not null
) strict;

create table totals (
    sku text primary key,
    granted integer not null,
    brought integer not null,
    sold integer not null,
    returned integer not null,
    check (granted + brought - sold - returned >= 0)
) strict, without rowid;

create table log (
    n integer primary key autoincrement,
    incarnation text not null,
    seq integer not null,
    id text not null unique,
    fact text not null,
    answer text,
    answered_at integer,
    unique (incarnation, seq)
) strict;
create index log_unanswered on log (n) where answered_at is null;

-- Which facts name an item: for figures that include own unsent sales.
create table log_item (
    sku text not null,
    n integer not null references log (n) on delete cascade,
    primary key (sku, n)
) strict, without rowid;

-- The copy of the hub's rows. `applied_n`: the last own fact that it includes.
create table copy (
    one integer primary key check (one = 1),
    epoch integer not null,
    version integer not null,
    applied_incarnation text,
    applied_seq integer not null,
    applied_n integer not null,
    copied_at integer not null
) strict;

create table item (
    no integer primary key,
    sku text not null unique,
    item text not null
) strict;
create virtual table item_words using fts5 (
    words, tokenize = "unicode61 remove_diacritics 2", prefix = '2 3 4'
);

create table barcode (
    code text primary key,
    gtin text not null,
    no integer not null
) strict, without rowid;
create index barcode_gtin on barcode (gtin);
create index barcode_no on barcode (no);

create table record (
    key text primary key,
    record text not null
) strict, without rowid;

create table stock (
    sku text primary key,
    balances text not null,
    short integer not null
) strict, without rowid;

create table reservation (
    id text primary key,
    reservation text not null
) strict, without rowid;
create table reservation_line (
    sku text not null,
    id text not null references reservation (id) on delete cascade,
    primary key (sku, id)
) strict, without rowid;
create index reservation_line_id on reservation_line (id);

create table elsewhere (
    sku text primary key,
    figures text not null
) strict, without rowid;

-- The registers.
create table ticket (
    register text primary key,
    ticket text not null
) strict, without rowid;

create table cash_session (
    id text primary key,
    register text not null,
    opened_at integer not null,
    opened_by text not null,
    float_minor integer not null,
    currency text not null,
    closed_at integer
) strict, without rowid;
create unique index cash_session_open on cash_session (register) where closed_at is null;

-- The last receipt number given out: it grows with the sale, in its transaction.
create table counter (
    register text primary key,
    last integer not null
) strict, without rowid;

-- `receipt`: what is printed, also when it is printed again after header or zone changed.
create table sale (
    receipt_number text primary key,
    register text not null,
    number integer not null,
    ticket_id text not null unique,
    pay_key text unique,
    fingerprint text not null,
    sale text not null,
    paid_at integer not null,
    receipt text not null,
    unique (register, number)
) strict, without rowid;
create index sale_paid_at on sale (paid_at);

create table print_job (
    n integer primary key autoincrement,
    id text not null unique,
    receipt_number text not null references sale (receipt_number),
    register text not null,
    state text not null check (state in ('queued', 'sending', 'confirmed', 'unknown', 'failed')),
    copy integer not null,
    error text,
    made_at integer not null
) strict;
create index print_job_receipt on print_job (receipt_number, n);
create index print_job_waiting on print_job (n) where state in ('queued', 'sending');

-- What people did beside sales: voids, drawer openings, approvals.
create table deed (
    n integer primary key autoincrement,
    at integer not null,
    register text not null,
    staff text not null,
    kind text not null,
    detail text not null
) strict;

create table sign_in (
    who text primary key,
    failures integer not null,
    locked_until integer not null
) strict, without rowid;
