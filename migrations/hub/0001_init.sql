-- The hub's tables. Only text and bigint columns: both engines read them alike.
-- SQLite reads the marks behind some tables: their rows lie in the tree of the primary key.
-- Times are UTC microseconds, quantities base units, money minor units, booleans 0 and 1.

-- One row: the hub itself. Its lock orders all batches (docs/decisions/0001).
create table head (
    one         bigint not null primary key check (one = 1),
    hub_id      text   not null,
    epoch       bigint not null,
    version     bigint not null,
    recorded_at bigint not null,
    hash        text   not null,
    -- Counts stored batches: a writer's cache is good while it stands still.
    batch       bigint not null
);

-- What a command answered, so that it has one effect however often it is sent.
create table command (
    id          text   not null primary key,
    principal   text   not null,
    -- With a version: as the ledger has it.
    fingerprint text,
    outcome     text   not null,
    version     bigint,
    recorded_at bigint not null,
    fact        bigint not null
) /* sqlite: without rowid */;
create index command_old on command (recorded_at) where fact = 0;

-- One row a version; each carries the hash of the one before.
create table ledger (
    version      bigint not null primary key,
    command      text   not null,
    kind         text   not null,
    actor        text   not null,
    on_behalf_of text,
    reference    text,
    occurred_at  bigint,
    recorded_at  bigint not null,
    fingerprint  text   not null,
    movements    bigint not null,
    hash         text   not null
);

create table movement (
    version       bigint not null,
    line          bigint not null,
    item          bigint not null,
    from_location bigint not null,
    from_place    text   not null,
    to_location   bigint not null,
    to_place      text   not null,
    quantity      bigint not null check (quantity > 0),
    from_after    bigint not null,
    to_after      bigint not null,
    reason        text   not null,
    reservation   text,
    primary key (version, line)
) /* sqlite: without rowid */;
create index movement_item on movement (item, version, line);

create table stock (
    item            bigint not null,
    location        bigint not null,
    available       bigint not null check (available >= 0),
    store_share     bigint not null check (store_share >= 0),
    reserved        bigint not null check (reserved >= 0),
    picked          bigint not null check (picked >= 0),
    quality_control bigint not null check (quality_control >= 0),
    damaged         bigint not null check (damaged >= 0),
    in_doubt        bigint not null check (in_doubt >= 0),
    supplier        bigint not null,
    customer        bigint not null,
    adjustment      bigint not null,
    scrap           bigint not null,
    discrepancy     bigint not null,
    short           bigint not null check (short >= 0),
    version         bigint not null,
    primary key (item, location)
) /* sqlite: without rowid */;
create index stock_location on stock (location, item);
create index stock_version on stock (version);

create table reservation (
    id         text   not null primary key,
    state      text   not null,
    expires_at bigint,
    channel    text,
    shopper    text,
    address    text,
    reference  text,
    created    bigint not null,
    version    bigint not null
) /* sqlite: without rowid */;
create index reservation_version on reservation (version);
create index reservation_shopper on reservation (shopper)
    where state = 'held' and shopper is not null;
create index reservation_address on reservation (address)
    where state = 'held' and address is not null;

-- `open` repeats the reservation's state, so that open lines of a stock row are one look-up.
create table reservation_line (
    reservation text   not null,
    line        bigint not null,
    item        bigint not null,
    location    bigint not null,
    quantity    bigint not null check (quantity > 0),
    short       bigint not null check (short >= 0),
    open        bigint not null,
    primary key (reservation, line)
) /* sqlite: without rowid */;
create index reservation_line_open on reservation_line (item, location) where open = 1;

create table item (
    no      bigint not null primary key,
    sku     text   not null unique,
    search  text   not null,
    state   text   not null,
    details text   not null,
    version bigint not null
);
create index item_version on item (version);

create table barcode (
    code text   not null primary key,
    item bigint not null
) /* sqlite: without rowid */;

-- Settings and rights (kind/name). A removed one keeps its row with no value.
create table record (
    key     text   not null primary key,
    value   text,
    version bigint not null
);
create index record_version on record (version);

-- Leases are no commands: these rows change without a version.
create table incarnation (
    id       text   not null primary key,
    location bigint not null,
    retired  bigint not null,
    created  bigint not null,
    value    text   not null
);
create index incarnation_location on incarnation (location);

create table share (
    incarnation text   not null,
    item        bigint not null,
    location    bigint not null,
    granted     bigint not null,
    brought     bigint not null,
    sold        bigint not null,
    returned    bigint not null,
    doubt       bigint not null check (doubt >= 0),
    written_off bigint not null,
    version     bigint not null,
    primary key (incarnation, item)
) /* sqlite: without rowid */;
create index share_stock on share (item, location);

-- The commercial part of sales. A number given twice is found by the audit, not refused.
create table sale (
    version        bigint not null primary key,
    id             text   not null,
    location       bigint not null,
    register       text   not null,
    number         bigint not null,
    receipt_number text   not null,
    occurred_at    bigint not null,
    total          bigint not null,
    attention      text,
    document       text   not null
);
create index sale_register on sale (register, number);

create table timer (
    kind    text   not null,
    subject text   not null,
    due_at  bigint not null,
    primary key (kind, subject)
) /* sqlite: without rowid */;
create index timer_due on timer (due_at);

-- What changed beside movements, for history and followers.
create table event (
    version bigint not null,
    line    bigint not null,
    kind    text   not null,
    subject text   not null,
    body    text   not null,
    primary key (version, line)
) /* sqlite: without rowid */;

-- The few that a person is to look at.
create index event_notice on event (version, line) where kind >= 'notice.' and kind < 'notice/';

-- Facts that could not be booked; somebody looks at them.
create table rejected_frame (
    id          text   not null primary key,
    agent       text   not null,
    location    bigint not null,
    code        text   not null,
    frame       text   not null,
    recorded_at bigint not null
);

-- Not commands (DESIGN.md section 1): sessions, nonces, jobs' leases, staging of imports.
create table session (
    id_hash    text   not null primary key,
    principal  text   not null,
    expires_at bigint not null
);

create table used_nonce (
    nonce      text   not null primary key,
    expires_at bigint not null
);

create table lease (
    name   text   not null primary key,
    holder text   not null,
    fence  bigint not null,
    until  bigint not null
);

create table import (
    id          text   not null primary key,
    kind        text   not null,
    state       text   not null,
    actor       text   not null,
    rows_total  bigint,
    rows_done   bigint not null,
    rows_failed bigint not null,
    detail      text,
    created_at  bigint not null
);

create table import_row (
    import text   not null,
    line   bigint not null,
    body   text   not null,
    primary key (import, line)
);

create table import_error (
    import text   not null,
    line   bigint not null,
    code   text   not null,
    detail text   not null,
    primary key (import, line)
);
