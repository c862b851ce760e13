"""Reading schemas: from a command-line target to declarations. The only stage that reads files or imports modules."""
