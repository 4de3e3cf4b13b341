"""The commands: one module each, which declares it as COMMAND. docs/commands.md says how to add one."""
