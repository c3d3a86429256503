"""Incidents: for a time, a share of the requests to the workbench meets a fault; a seed decides which."""

from hamms_trio.workbench.incidents.effect import Effect as Effect, Kind as Kind
from hamms_trio.workbench.incidents.model import (
    IncidentRequest as IncidentRequest,
    read_incident as read_incident,
)
from hamms_trio.workbench.incidents.running import Incidents as Incidents
