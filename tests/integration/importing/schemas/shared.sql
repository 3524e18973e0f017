-- What every CloudStack from 4.0 on has, as far as an importer reads it.
CREATE TABLE version (id bigint unsigned PRIMARY KEY AUTO_INCREMENT, version varchar(255) NOT NULL,
    updated datetime NOT NULL, step varchar(32) NOT NULL);
CREATE TABLE domain (id bigint unsigned PRIMARY KEY, parent bigint unsigned, name varchar(255),
    uuid varchar(40), owner bigint unsigned NOT NULL, path varchar(255) NOT NULL, removed datetime);
CREATE TABLE account (id bigint unsigned PRIMARY KEY, account_name varchar(100), uuid varchar(40),
    type int unsigned NOT NULL, domain_id bigint unsigned, state varchar(10) NOT NULL,
    removed datetime);
CREATE TABLE data_center (id bigint unsigned PRIMARY KEY, name varchar(255), uuid varchar(40),
    networktype varchar(255) NOT NULL, removed datetime);
CREATE TABLE guest_os (id bigint unsigned PRIMARY KEY, category_id bigint unsigned NOT NULL,
    name varchar(255), uuid varchar(40), display_name varchar(255) NOT NULL);
CREATE TABLE template_zone_ref (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    zone_id bigint unsigned NOT NULL, template_id bigint unsigned NOT NULL,
    created datetime NOT NULL, last_updated datetime, removed datetime);
CREATE TABLE launch_permission (id bigint unsigned PRIMARY KEY AUTO_INCREMENT,
    template_id bigint unsigned NOT NULL, account_id bigint unsigned NOT NULL);
INSERT INTO domain VALUES (1, NULL, 'ROOT', 'd-root', 2, '/', NULL),
    (2, 1, 'lab', 'd-lab', 3, '/lab/', NULL);
INSERT INTO account VALUES (1, 'system', 'a-system', 1, 1, 'enabled', NULL),
    (2, 'admin', 'a-admin', 1, 1, 'enabled', NULL),
    (3, 'acme', 'a-acme', 0, 2, 'enabled', NULL);
INSERT INTO data_center VALUES (1, 'zone one', 'zone-1', 'Basic', NULL),
    (2, 'zone two', 'zone-2', 'Advanced', NULL),
    (3, 'old zone', 'zone-3', 'Advanced', '2014-01-01 00:00:00');
INSERT INTO guest_os VALUES (5, 1, 'CentOS 6', 'os-centos', 'CentOS 6.0 (64-bit)');
