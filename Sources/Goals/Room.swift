// This room's types follow.
