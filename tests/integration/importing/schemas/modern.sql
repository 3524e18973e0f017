-- CloudStack 4.2 and later: image_store and *_store_ref, with columns as they are in 4.19.
CREATE TABLE image_store (id bigint unsigned PRIMARY KEY, name varchar(255) NOT NULL,
    image_provider_name varchar(255) NOT NULL, protocol varchar(255) NOT NULL, url varchar(2048),
    data_center_id bigint unsigned, scope varchar(255), role varchar(255), uuid varchar(255),
    parent varchar(255), created datetime, removed datetime, total_size bigint unsigned,
    used_bytes bigint unsigned, readonly boolean DEFAULT false);
CREATE TABLE image_store_details (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    store_id bigint unsigned NOT NULL, name varchar(255) NOT NULL, value varchar(255) NOT NULL,
    display tinyint(1) NOT NULL DEFAULT 1);
CREATE TABLE vm_template (id bigint unsigned PRIMARY KEY, unique_name varchar(255) NOT NULL,
    name varchar(255) NOT NULL, uuid varchar(40), public int unsigned NOT NULL DEFAULT 0,
    featured int unsigned NOT NULL DEFAULT 0, type varchar(32), hvm int unsigned NOT NULL DEFAULT 1,
    bits int unsigned NOT NULL DEFAULT 64, url varchar(2048), format varchar(32) NOT NULL,
    created datetime NOT NULL, removed datetime, account_id bigint unsigned NOT NULL,
    checksum varchar(255), display_text varchar(4096), enable_password int NOT NULL DEFAULT 0,
    enable_sshkey int NOT NULL DEFAULT 0, guest_os_id bigint unsigned NOT NULL DEFAULT 5,
    bootable int NOT NULL DEFAULT 1, cross_zones int NOT NULL DEFAULT 0,
    extractable int NOT NULL DEFAULT 0, hypervisor_type varchar(32),
    source_template_id bigint unsigned, template_tag varchar(255), sort_key int NOT NULL DEFAULT 0,
    size bigint unsigned, state varchar(255), update_count bigint unsigned, updated datetime,
    dynamically_scalable tinyint NOT NULL DEFAULT 0, direct_download tinyint DEFAULT 0,
    deploy_as_is tinyint NOT NULL DEFAULT 0);
CREATE TABLE volumes (id bigint unsigned PRIMARY KEY, account_id bigint unsigned NOT NULL,
    domain_id bigint unsigned NOT NULL, pool_id bigint unsigned, instance_id bigint unsigned,
    name varchar(255), uuid varchar(40), size bigint unsigned, path varchar(255),
    data_center_id bigint unsigned NOT NULL, volume_type varchar(64) NOT NULL,
    template_id bigint unsigned, created datetime, removed datetime, state varchar(32),
    format varchar(255));
CREATE TABLE snapshots (id bigint unsigned PRIMARY KEY, data_center_id bigint unsigned NOT NULL,
    account_id bigint unsigned NOT NULL, domain_id bigint unsigned NOT NULL,
    volume_id bigint unsigned NOT NULL, disk_offering_id bigint unsigned,
    status varchar(32), name varchar(255) NOT NULL, uuid varchar(40), snapshot_type int NOT NULL,
    type_description varchar(25), location_type varchar(32), size bigint unsigned NOT NULL,
    created datetime, removed datetime, hypervisor_type varchar(32) NOT NULL, version varchar(32));
CREATE TABLE template_store_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    store_id bigint unsigned, template_id bigint unsigned NOT NULL, created datetime NOT NULL,
    last_updated datetime, job_id varchar(255), download_pct int unsigned, size bigint unsigned,
    store_role varchar(255), physical_size bigint unsigned DEFAULT 0, download_state varchar(255),
    error_str varchar(255), local_path varchar(255), install_path varchar(255), url varchar(2048),
    download_url varchar(2048), download_url_created datetime, state varchar(255) NOT NULL,
    destroyed tinyint, is_copy tinyint NOT NULL DEFAULT 0, update_count bigint unsigned,
    ref_cnt bigint unsigned DEFAULT 0, updated datetime);
CREATE TABLE volume_store_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    store_id bigint unsigned NOT NULL, volume_id bigint unsigned NOT NULL,
    zone_id bigint unsigned NOT NULL, created datetime NOT NULL, last_updated datetime,
    job_id varchar(255), download_pct int unsigned, size bigint unsigned,
    physical_size bigint unsigned DEFAULT 0, download_state varchar(255), checksum varchar(255),
    error_str varchar(255), local_path varchar(255), install_path varchar(255), url varchar(2048),
    download_url varchar(2048), download_url_created datetime, state varchar(255) NOT NULL,
    destroyed tinyint, update_count bigint unsigned, ref_cnt bigint unsigned, updated datetime);
CREATE TABLE snapshot_store_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    store_id bigint unsigned NOT NULL, snapshot_id bigint unsigned NOT NULL,
    created datetime NOT NULL, last_updated datetime, job_id varchar(255), store_role varchar(255),
    size bigint unsigned, physical_size bigint unsigned DEFAULT 0,
    parent_snapshot_id bigint unsigned DEFAULT 0, install_path varchar(255),
    state varchar(255) NOT NULL, update_count bigint unsigned, ref_cnt bigint unsigned,
    updated datetime, volume_id bigint unsigned, download_state varchar(255), download_pct int,
    error_str varchar(255), local_path varchar(255), display tinyint NOT NULL DEFAULT 1);
CREATE TABLE storage_pool (id bigint unsigned PRIMARY KEY, name varchar(255), uuid varchar(255),
    pool_type varchar(32) NOT NULL, port int unsigned NOT NULL,
    data_center_id bigint unsigned NOT NULL, pod_id bigint unsigned, cluster_id bigint unsigned,
    used_bytes bigint unsigned, capacity_bytes bigint unsigned, host_address varchar(255) NOT NULL,
    user_info varchar(255), path varchar(255) NOT NULL, created datetime, removed datetime,
    update_time datetime, status varchar(32), storage_provider_name varchar(255),
    scope varchar(255), hypervisor varchar(32), managed tinyint NOT NULL DEFAULT 0);
-- Left behind by 4.1, with copies that nobody keeps: never to be read.
CREATE TABLE template_host_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    host_id bigint unsigned NOT NULL, template_id bigint unsigned NOT NULL);
CREATE TABLE s3 (id bigint unsigned PRIMARY KEY, uuid varchar(40));
INSERT INTO template_host_ref (host_id, template_id) VALUES (10, 9999);
INSERT INTO s3 VALUES (1, 'stale');
INSERT INTO version (version, updated, step) VALUES ('4.1.1', '2013-07-01 00:00:00', 'Complete'),
    ('4.2.0', '2013-10-01 00:00:00', 'Complete'), ('4.19.1.0', '2024-10-01 00:00:00', 'Complete');
INSERT INTO storage_pool VALUES (1, 'primary', 'pool-1', 'NetworkFilesystem', 2049, 1, 1, 1, 0, 0,
    'filer', NULL, '/primary', NULL, NULL, NULL, 'Up', 'DefaultPrimary', 'CLUSTER', 'KVM', 0);
