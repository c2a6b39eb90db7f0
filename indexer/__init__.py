"""Follow blocks of an EVM chain and write every configured event, decoded, into Postgres."""
