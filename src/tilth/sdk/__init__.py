"""The Python client: publish and read data, rent it out, send a model to it and get it back."""

from tilth.sdk.client import Client as Client
from tilth.sdk.client import Refused as Refused
from tilth.sdk.jobs import Job as Job
from tilth.sdk.jobs import TrainingPlan as TrainingPlan
