"""Private, real servers for the tests: RabbitMQ, PostgreSQL, Ceph's S3 gateway and Docker."""
