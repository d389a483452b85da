-- A build that knew no dated prices kept items without them, and the hub sends only what changes.
-- The copy's place is forgotten, so that the next Hello asks for all of it; the rows stay and are
-- sold from until the new ones are here. `applied_n` stays too: it is about these rows.
update copy set epoch = 0, version = 0;
