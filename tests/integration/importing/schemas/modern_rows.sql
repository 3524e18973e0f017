-- Stores of every provider, and objects with every fault that is known.
INSERT INTO image_store (id, name, image_provider_name, protocol, url, data_center_id, scope, role,
    uuid, created, removed, readonly) VALUES
    (1, 'nfs one', 'NFS', 'nfs', 'nfs://filer/one', 1, 'ZONE', 'Image', 'st-1',
        '2013-10-02 03:04:05', NULL, false),
    (2, 'nfs two', 'NFS', 'nfs', 'nfs://filer:2049/two?vers=3', 2, 'ZONE', 'Image', 'st-2',
        '2013-10-02 03:04:05', NULL, true),
    (3, 'rgw', 'S3', 'http', NULL, NULL, 'REGION', 'Image', 'st-3', '2013-10-02 03:04:05', NULL,
        false),
    (4, 'swift', 'Swift', 'http', 'http://swift.example/auth/v1.0', NULL, 'REGION', 'Image', 'st-4',
        '2013-10-02 03:04:05', NULL, false),
    (5, 'staging', 'NFS', 'nfs', 'nfs://filer/staging', 1, 'ZONE', 'ImageCache', 'st-5',
        '2013-10-02 03:04:05', NULL, false),
    (6, 'share', 'SMB', 'cifs', 'cifs://win/share', 1, 'ZONE', 'Image', 'st-6',
        '2013-10-02 03:04:05', NULL, false),
    (7, 'gone', 'NFS', 'nfs', 'nfs://filer/gone', 1, 'ZONE', 'Image', 'st-7',
        '2013-10-02 03:04:05', '2014-01-01 00:00:00', false),
    (8, 'of a zone that is gone', 'NFS', 'nfs', 'nfs://filer/far', 3, 'ZONE', 'Image', 'st-8',
        '2013-10-02 03:04:05', NULL, false);
INSERT INTO image_store_details (store_id, name, value) VALUES
    (3, 'accesskey', 'ACCESS'), (3, 'endpoint', 's3.example:7480'), (3, 'bucket', 'images'),
    (3, 'usehttps', 'false'),
    (3, 'secretkey', 'AAECAwQFBgcICQoLmeUhxsY12qAuoP5xk5LWJc7pjRjxOHE/Syq8JQ8Ewqk='),
    (4, 'account', 'cloud'), (4, 'username', 'stack'),
    (4, 'key', 'AQIDBAUGBwgcG/zo9bWyZp1QO6zmJgfocOOhGm0L5EQ=');
INSERT INTO vm_template (id, unique_name, name, uuid, public, featured, type, url, format, created,
    removed, account_id, checksum, cross_zones, extractable, hypervisor_type, state,
    direct_download, display_text) VALUES
    (201, 'u', 'on two stores', 't-201', 1, 0, 'USER', 'http://u:p@x/c.qcow2', 'QCOW2',
        '2019-02-03 04:05:06', NULL, 3, '{SHA-256}e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
        0, 1, 'KVM', 'Active', 0, 'CentOS'),
    (202, 'u', 'region wide', 't-202', 0, 0, 'USER', NULL, 'VHD', '2019-02-03 04:05:06', NULL, 3,
        NULL, 1, 0, 'XenServer', 'Active', 0, NULL),
    (203, 'u', 'only in the cache', 't-203', 0, 0, 'USER', NULL, 'QCOW2', '2019-02-03 04:05:06',
        NULL, 3, NULL, 0, 0, 'KVM', 'Active', 0, NULL),
    (204, 'u', 'direct', 't-204', 0, 0, 'USER', 'http://x/d.qcow2', 'QCOW2', '2019-02-03 04:05:06',
        NULL, 3, NULL, 0, 0, 'KVM', 'Active', 1, NULL),
    (205, 'u', 'destroyed', 't-205', 0, 0, 'USER', NULL, 'QCOW2', '2019-02-03 04:05:06', NULL, 3,
        NULL, 0, 0, 'KVM', 'Active', 0, NULL),
    (206, 'u', 'never uploaded', 't-206', 0, 0, 'USER', NULL, 'QCOW2', '2019-02-03 04:05:06', NULL,
        3, NULL, 0, 0, 'KVM', 'NotUploaded', 0, NULL),
    (207, 'u', 'nobodys', 't-207', 0, 0, 'USER', NULL, 'QCOW2', '2019-02-03 04:05:06', NULL, 77,
        NULL, 0, 0, 'KVM', 'Active', 0, NULL),
    (208, 'u', 'on swift', NULL, 0, 0, 'USER', NULL, 'VHD', '2019-02-03 04:05:06', NULL, 3, NULL,
        0, 0, 'XenServer', 'Active', 0, NULL),
    (209, 'u', 'odd', 't-209', 0, 0, 'USER', NULL, 'BAREMETAL', '2019-02-03 04:05:06', NULL, 3,
        NULL, 0, 0, 'BareMetal', 'Active', 0, NULL),
    (210, 'u', 'removed', 't-210', 0, 0, 'USER', NULL, 'QCOW2', '2019-02-03 04:05:06',
        '2020-01-01 00:00:00', 3, NULL, 0, 0, 'KVM', 'Inactive', 0, NULL),
    (211, 'u', 'dangling', 't-211', 0, 0, 'USER', NULL, 'OVA', '2019-02-03 04:05:06', NULL, 3, NULL,
        0, 0, 'VMware', 'Active', 0, NULL),
    (212, 'u', 'on a share', 't-212', 0, 0, 'USER', NULL, 'VHDX', '2019-02-03 04:05:06', NULL, 3,
        NULL, 0, 0, 'Hyperv', 'Active', 0, NULL);
INSERT INTO template_zone_ref (zone_id, template_id, created)
    SELECT 1, id, created FROM vm_template WHERE id <> 202;
INSERT INTO template_zone_ref (zone_id, template_id, created) VALUES
    (2, 201, '2019-02-03 04:05:06');
INSERT INTO launch_permission (template_id, account_id) VALUES (202, 2);
INSERT INTO template_store_ref (store_id, template_id, created, store_role, physical_size,
    download_state, install_path, state, destroyed) VALUES
    (1, 201, '2019-02-03 04:05:06', 'Image', 4096, 'DOWNLOADED', 'template/tmpl/3/201/c.qcow2', 'Ready', 0),
    (2, 201, '2019-02-03 04:05:06', 'Image', 4096, 'DOWNLOADED', '/template/tmpl/3/201/c.qcow2', 'Ready', 0),
    (5, 201, '2019-02-03 04:05:06', 'ImageCache', 4096, 'DOWNLOADED', 'template/tmpl/3/201/c.qcow2', 'Ready', 0),
    (3, 202, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/202/u/x.vhd', 'Ready', 0),
    (3, 203, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', '', 'Ready', 0),
    (5, 203, '2019-02-03 04:05:06', 'ImageCache', 0, 'DOWNLOADED', 'template/tmpl/3/203/k.qcow2', 'Ready', 0),
    (NULL, 204, '2019-02-03 04:05:06', NULL, 0, 'BYPASSED', NULL, 'Ready', 0),
    (1, 205, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/205/d.qcow2', 'Ready', 1),
    (1, 206, '2019-02-03 04:05:06', 'Image', 0, 'NOT_UPLOADED', 'template/tmpl/3/206', 'Allocated', 0),
    (1, 207, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/77/207/n.qcow2', 'Ready', 0),
    (4, 208, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'T-208/x.vhd', 'Ready', 0),
    (1, 209, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/209/b', 'Ready', 0),
    (99, 211, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/211/o.ova', 'Ready', 0),
    (6, 212, '2019-02-03 04:05:06', 'Image', 0, 'DOWNLOADED', 'template/tmpl/3/212/h.vhdx', 'Ready', 0);
INSERT INTO volumes (id, account_id, domain_id, pool_id, name, uuid, size, data_center_id,
    volume_type, template_id, created, removed, state, format) VALUES
    (5, 3, 2, 1, 'ROOT-1', 'v-5', 8192, 1, 'ROOT', 201, '2019-02-04 05:06:07', NULL, 'Ready', 'QCOW2'),
    (6, 3, 2, NULL, 'uploaded', 'v-6', 8192, 1, 'DATADISK', NULL, '2019-02-04 05:06:07', NULL, 'Uploaded', 'RAW'),
    (7, 3, 2, 1, 'expunged', 'v-7', 8192, 1, 'DATADISK', NULL, '2019-02-04 05:06:07', NULL, 'Expunged', 'RAW');
INSERT INTO volume_store_ref (store_id, volume_id, zone_id, created, physical_size, download_state,
    install_path, state, destroyed, download_url) VALUES
    (1, 6, 1, '2019-02-04 05:06:07', 8192, 'UPLOADED', 'volumes/3/6/u.raw', 'Ready', 0, NULL),
    (1, 5, 1, '2019-02-04 05:06:07', 8192, 'DOWNLOADED', 'volumes/3/5/r.qcow2', 'Ready', 0, 'http://ssvm/x');
INSERT INTO snapshots (id, data_center_id, account_id, domain_id, volume_id, status, name, uuid,
    snapshot_type, type_description, size, created, hypervisor_type) VALUES
    (31, 1, 3, 2, 5, 'BackedUp', 'whole', 's-31', 0, 'MANUAL', 8192, '2019-02-05 06:07:08', 'KVM'),
    (32, 1, 3, 2, 5, 'BackedUp', 'on primary', 's-32', 0, 'MANUAL', 8192, '2019-02-05 06:07:08', 'KVM'),
    (33, 1, 3, 2, 6, 'BackedUp', 'delta', 's-33', 3, 'HOURLY', 8192, '2019-02-05 06:07:08', 'XenServer'),
    (34, 1, 3, 2, 5, 'Error', 'failed', 's-34', 0, 'MANUAL', 8192, '2019-02-05 06:07:08', 'KVM');
INSERT INTO snapshot_store_ref (store_id, snapshot_id, created, store_role, physical_size,
    parent_snapshot_id, install_path, state, volume_id) VALUES
    (1, 31, '2019-02-05 06:07:08', 'Primary', 0, 0, '/primary/x', 'Ready', 5),
    (3, 31, '2019-02-05 06:07:08', 'Image', 8192, 0, 'snapshots/3/5/snap-a', 'Ready', 5),
    (1, 32, '2019-02-05 06:07:08', 'Primary', 0, 0, '/primary/y', 'Ready', 5),
    (1, 33, '2019-02-05 06:07:08', 'Image', 0, 31, 'snapshots/3/6/d.vhd', 'Ready', 6);
CREATE TABLE vm_template_details (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    template_id bigint unsigned NOT NULL, name varchar(255) NOT NULL, value varchar(1024) NOT NULL,
    display tinyint(1) NOT NULL DEFAULT 1);
INSERT INTO vm_template_details (template_id, name, value) VALUES
    (201, 'rootDiskController', 'virtio'), (201, 'nicAdapter', 'virtio');
UPDATE vm_template SET source_template_id = 202 WHERE id = 201;
