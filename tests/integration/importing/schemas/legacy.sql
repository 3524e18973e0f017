-- CloudStack 4.1: stores are hosts, s3 and swift.
CREATE TABLE host (id bigint unsigned PRIMARY KEY, name varchar(255) NOT NULL, uuid varchar(40),
    status varchar(32) NOT NULL, type varchar(32) NOT NULL, url varchar(255), parent varchar(255),
    total_size bigint unsigned, data_center_id bigint unsigned NOT NULL, guid varchar(255),
    resource varchar(255), created datetime, removed datetime);
CREATE TABLE s3 (id bigint unsigned PRIMARY KEY, uuid varchar(40) UNIQUE,
    access_key varchar(20) NOT NULL, secret_key varchar(40) NOT NULL, end_point varchar(1024),
    bucket varchar(63) NOT NULL, https tinyint unsigned, connection_timeout int,
    max_error_retry int, socket_timeout int, created datetime);
CREATE TABLE swift (id bigint unsigned PRIMARY KEY, uuid varchar(40), url varchar(255) NOT NULL,
    account varchar(255) NOT NULL, username varchar(255) NOT NULL, `key` varchar(255) NOT NULL,
    created datetime);
CREATE TABLE vm_template (id bigint unsigned PRIMARY KEY, unique_name varchar(255) NOT NULL,
    name varchar(255) NOT NULL, uuid varchar(40), public int unsigned NOT NULL,
    featured int unsigned NOT NULL, type varchar(32), hvm int unsigned NOT NULL,
    bits int unsigned NOT NULL, url varchar(255), format varchar(32) NOT NULL,
    created datetime NOT NULL, removed datetime, account_id bigint unsigned NOT NULL,
    checksum varchar(255), display_text varchar(4096), enable_password int NOT NULL DEFAULT 0,
    guest_os_id bigint unsigned NOT NULL, bootable int NOT NULL DEFAULT 1,
    prepopulate int NOT NULL DEFAULT 0, cross_zones int NOT NULL DEFAULT 0,
    extractable int NOT NULL DEFAULT 0, hypervisor_type varchar(32),
    source_template_id bigint unsigned, template_tag varchar(255), sort_key int NOT NULL DEFAULT 0);
CREATE TABLE volumes (id bigint unsigned PRIMARY KEY, account_id bigint unsigned NOT NULL,
    domain_id bigint unsigned NOT NULL, pool_id bigint unsigned, instance_id bigint unsigned,
    name varchar(255), uuid varchar(40), size bigint unsigned NOT NULL, path varchar(255),
    data_center_id bigint unsigned NOT NULL, volume_type varchar(64) NOT NULL,
    template_id bigint unsigned, created datetime, removed datetime, state varchar(32));
CREATE TABLE snapshots (id bigint unsigned PRIMARY KEY, data_center_id bigint unsigned NOT NULL,
    account_id bigint unsigned NOT NULL, domain_id bigint unsigned NOT NULL,
    volume_id bigint unsigned NOT NULL, disk_offering_id bigint unsigned NOT NULL,
    status varchar(32), path varchar(255), name varchar(255) NOT NULL, uuid varchar(40),
    snapshot_type int NOT NULL, type_description varchar(25), size bigint unsigned NOT NULL,
    created datetime, removed datetime, backup_snap_id varchar(255), swift_id bigint unsigned,
    sechost_id bigint unsigned, prev_snap_id bigint unsigned, hypervisor_type varchar(32) NOT NULL,
    version varchar(32), s3_id bigint unsigned);
CREATE TABLE template_host_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    host_id bigint unsigned NOT NULL, template_id bigint unsigned NOT NULL,
    created datetime NOT NULL, last_updated datetime, job_id varchar(255),
    download_pct int unsigned, size bigint unsigned, physical_size bigint unsigned DEFAULT 0,
    download_state varchar(255), error_str varchar(255), local_path varchar(255),
    install_path varchar(255), url varchar(255), destroyed tinyint,
    is_copy tinyint NOT NULL DEFAULT 0);
CREATE TABLE volume_host_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    host_id bigint unsigned NOT NULL, volume_id bigint unsigned NOT NULL,
    zone_id bigint unsigned NOT NULL, created datetime NOT NULL, last_updated datetime,
    job_id varchar(255), download_pct int unsigned, size bigint unsigned,
    physical_size bigint unsigned DEFAULT 0, download_state varchar(255), checksum varchar(255),
    error_str varchar(255), local_path varchar(255), install_path varchar(255), url varchar(255),
    format varchar(32) NOT NULL, destroyed tinyint);
CREATE TABLE template_s3_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    s3_id bigint unsigned NOT NULL, template_id bigint unsigned NOT NULL UNIQUE,
    created datetime NOT NULL, size bigint unsigned, physical_size bigint unsigned DEFAULT 0);
CREATE TABLE template_swift_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    swift_id bigint unsigned NOT NULL, template_id bigint unsigned NOT NULL,
    created datetime NOT NULL, path varchar(255), size bigint unsigned,
    physical_size bigint unsigned DEFAULT 0);
CREATE TABLE storage_pool (id bigint unsigned PRIMARY KEY, name varchar(255), uuid varchar(255),
    pool_type varchar(32) NOT NULL, port int unsigned NOT NULL,
    data_center_id bigint unsigned NOT NULL, pod_id bigint unsigned, cluster_id bigint unsigned,
    available_bytes bigint unsigned, capacity_bytes bigint unsigned,
    host_address varchar(255) NOT NULL, user_info varchar(255), path varchar(255) NOT NULL,
    created datetime, removed datetime, update_time datetime, status varchar(32),
    storage_provider_id bigint unsigned, scope varchar(255));
INSERT INTO version (version, updated, step) VALUES ('4.0.0', '2012-11-01 00:00:00', 'Complete'),
    ('4.1.1', '2013-07-01 00:00:00', 'Complete');
INSERT INTO host VALUES
    (10, 'nfs://filer/secondary', 'st-nfs', 'Alert', 'SecondaryStorage', 'nfs://filer/secondary',
        'mnt', NULL, 1, 'g1', NULL, '2012-11-02 03:04:05', NULL),
    (11, 'gone', 'st-gone', 'Removed', 'SecondaryStorage', 'nfs://old/secondary', 'mnt2', NULL, 1,
        'g2', NULL, '2012-11-02 03:04:05', '2013-01-01 00:00:00'),
    (12, 's-1-VM', 'agent', 'Up', 'SecondaryStorageVM', NULL, NULL, NULL, 1, 'g3', NULL, NULL, NULL);
INSERT INTO storage_pool VALUES (1, 'primary', 'pool-1', 'NetworkFilesystem', 2049, 1, 1, 1, 0, 0,
    'filer', NULL, '/primary', NULL, NULL, NULL, 'Up', 1, NULL),
    (2, 'local', 'pool-2', 'Filesystem', 0, 1, 1, 1, 0, 0, 'h1', NULL, '/var/lib', NULL, NULL, NULL,
    'Up', 1, NULL);
INSERT INTO vm_template (id, unique_name, name, uuid, public, featured, type, hvm, bits, url,
    format, created, removed, account_id, checksum, guest_os_id, cross_zones, extractable,
    hypervisor_type) VALUES
    (201, 'u201', 'centos', 't-201', 1, 1, 'USER', 1, 64, 'http://x/c.qcow2', 'QCOW2',
        '2013-02-03 04:05:06', NULL, 3, '0123456789abcdef0123456789abcdef', 5, 0, 1, 'KVM'),
    (202, 'u202', 'failed', 't-202', 0, 0, 'USER', 1, 64, 'http://x/f.qcow2', 'QCOW2',
        '2013-02-03 04:05:06', NULL, 3, NULL, 5, 0, 0, 'KVM'),
    (203, 'u203', 'tools', 't-203', 1, 0, 'PERHOST', 1, 64, NULL, 'ISO',
        '2013-02-03 04:05:06', NULL, 1, NULL, 5, 1, 0, NULL),
    (204, 'u204', 'destroyed', 't-204', 0, 0, 'USER', 1, 64, NULL, 'VHD',
        '2013-02-03 04:05:06', NULL, 3, NULL, 5, 0, 0, 'XenServer'),
    (205, 'u205', 'removed', 't-205', 0, 0, 'USER', 1, 64, NULL, 'VHD',
        '2013-02-03 04:05:06', '2013-03-01 00:00:00', 3, NULL, 5, 0, 0, 'XenServer'),
    (206, 'u206', 'packed', 't-206', 0, 0, 'USER', 1, 64, 'http://x/p.vhd.bz2', 'VHD',
        '2013-02-03 04:05:06', NULL, 3, '0123456789abcdef0123456789abcdef', 5, 0, 0, 'XenServer'),
    (207, 'u207', 'on a store that is gone', 't-207', 0, 0, 'USER', 1, 64, NULL, 'VHD',
        '2013-02-03 04:05:06', NULL, 3, NULL, 5, 0, 0, 'XenServer');
INSERT INTO template_zone_ref (zone_id, template_id, created, removed) VALUES
    (1, 201, '2013-02-03 04:05:06', NULL), (2, 201, '2013-02-03 04:05:06', '2013-02-04 00:00:00'),
    (1, 202, '2013-02-03 04:05:06', NULL), (1, 204, '2013-02-03 04:05:06', NULL),
    (1, 206, '2013-02-03 04:05:06', NULL), (1, 207, '2013-02-03 04:05:06', NULL);
INSERT INTO launch_permission (template_id, account_id) VALUES (201, 2), (201, 99);
INSERT INTO template_host_ref (host_id, template_id, created, physical_size, download_state,
    install_path, destroyed) VALUES
    (10, 201, '2013-02-03 04:05:06', 4096, 'DOWNLOADED', 'template/tmpl/3/201/c.qcow2', 0),
    (10, 202, '2013-02-03 04:05:06', 0, 'DOWNLOAD_ERROR', 'template/tmpl/3/202/f.qcow2', 0),
    (10, 203, '2013-02-03 04:05:06', 0, 'DOWNLOADED', 'template/tmpl/1/203/tools.iso', 0),
    (10, 204, '2013-02-03 04:05:06', 0, 'DOWNLOADED', 'template/tmpl/3/204/d.vhd', 1),
    (10, 206, '2013-02-03 04:05:06', 0, 'DOWNLOADED', 'template/tmpl/3/206/p.vhd', 0),
    (11, 207, '2013-02-03 04:05:06', 0, 'DOWNLOADED', 'template/tmpl/3/207/o.vhd', 0);
INSERT INTO volumes (id, account_id, domain_id, pool_id, name, uuid, size, data_center_id,
    volume_type, template_id, created, state) VALUES
    (5, 3, 2, 1, 'ROOT-1', 'v-5', 8192, 1, 'ROOT', 201, '2013-02-04 05:06:07', 'Ready'),
    (6, 3, 2, NULL, 'uploaded', 'v-6', 8192, 1, 'DATADISK', NULL, '2013-02-04 05:06:07', 'UploadOp');
INSERT INTO volume_host_ref (host_id, volume_id, zone_id, created, physical_size, download_state,
    install_path, format, destroyed) VALUES
    (10, 6, 1, '2013-02-04 05:06:07', 8192, 'DOWNLOADED', 'volumes/3/6/u.vhd', 'VHD', 0),
    (10, 5, 1, '2013-02-04 05:06:07', 8192, 'DOWNLOADED', 'volumes/3/5/r.qcow2', 'QCOW2', 0);
INSERT INTO snapshots (id, data_center_id, account_id, domain_id, volume_id, disk_offering_id,
    status, name, uuid, snapshot_type, type_description, size, created, backup_snap_id,
    sechost_id, prev_snap_id, hypervisor_type) VALUES
    (31, 1, 3, 2, 5, 1, 'BackedUp', 'kvm', 's-31', 0, 'MANUAL', 8192, '2013-02-05 06:07:08',
        '/mnt/1b2c/snapshots/3/5/snap-a', 10, NULL, 'KVM'),
    (32, 1, 3, 2, 5, 1, 'BackedUp', 'xen', 's-32', 0, 'HOURLY', 8192, '2013-02-05 06:07:08',
        'vhd-b', 10, 31, 'XenServer'),
    (33, 1, 3, 2, 5, 1, 'CreatedOnPrimary', 'never', 's-33', 0, 'MANUAL', 8192,
        '2013-02-05 06:07:08', NULL, NULL, NULL, 'KVM');
