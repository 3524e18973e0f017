-- The same cloud after it was given S3 and Swift: its NFS store is their cache from then on.
INSERT INTO s3 VALUES (1, 'st-s3', 'ACCESS', 'canary-secret-of-s3', 's3.example:7480', 'images', 0,
    NULL, NULL, NULL, '2013-03-01 02:03:04');
INSERT INTO swift VALUES (1, 'st-swift', 'http://swift.example:8080/auth/v1.0', 'cloud', 'stack',
    'canary-key-of-swift', '2013-03-01 02:03:04');
INSERT INTO template_s3_ref (s3_id, template_id, created, size, physical_size) VALUES
    (1, 201, '2013-03-02 03:04:05', 4096, 4096);
INSERT INTO template_swift_ref (swift_id, template_id, created, path, size, physical_size) VALUES
    (1, 206, '2013-03-02 03:04:05', 'T-206/p.vhd', 4096, 4096);
UPDATE snapshots SET sechost_id = NULL, s3_id = 1 WHERE id = 31;
UPDATE snapshots SET sechost_id = NULL, swift_id = 1 WHERE id = 32;
