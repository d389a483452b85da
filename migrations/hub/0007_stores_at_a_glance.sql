-- Rows of stock that somebody owns, waits for or owes: what an operator sees of a store is summed
-- over these few, however many items it has.
create index stock_owned on stock (location, item)
    where store_share > 0 or reserved > 0 or picked > 0 or in_doubt > 0 or short > 0
        or discrepancy < 0;
