"""Events as they are received: from the spool that the listener writes, or from the past."""
