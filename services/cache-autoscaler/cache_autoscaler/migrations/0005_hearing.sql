-- Since when hosts are heard of without a longer gap: whoever was deaf judges nobody.
CREATE TABLE hearing (one boolean PRIMARY KEY DEFAULT true CHECK (one),
    last timestamptz NOT NULL, since timestamptz NOT NULL);
INSERT INTO hearing (last, since) VALUES ('epoch', 'epoch');
