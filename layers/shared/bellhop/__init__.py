"""What several of Bellhop's functions share. Import the module that is needed: nothing is re-exported here."""
