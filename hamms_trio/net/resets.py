"""Every reset that the lab sends, through netsplode."""

from netsplode.techniques import reset_and_close as reset_and_close
