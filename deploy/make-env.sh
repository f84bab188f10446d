#!/bin/sh
# Prints the secrets that docker-compose.yml asks for, new ones each time: sh deploy/make-env.sh > .env
set -eu
umask 077
# Hexadecimal where it stands in an address.
secret() { openssl rand -hex 32; }
cat <<END
PATCHBAY_API_KEY=$(secret)
PATCHBAY_MASTER_KEY=$(openssl rand -base64 32)
PATCHBAY_BACKUP_PASSPHRASE=$(secret)
MONGO_ROOT_PASSWORD=$(secret)
MONGO_PASSWORD=$(secret)
REDIS_PASSWORD=$(secret)
# Of the servers that stand behind profiles.
LAB_PASSWORD=$(secret)
END
