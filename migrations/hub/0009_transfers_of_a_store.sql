-- The list of transfers that one location sends, or is sent, newest first.
create index reservation_transfer_from on reservation (transfer_from, created, id)
    where transfer_from is not null;
create index reservation_transfer_to on reservation (transfer_to, created, id)
    where transfer_to is not null;
