"""The contenders: one file each, one interface (`api`). A peer that this machine lacks is named, not passed over."""
