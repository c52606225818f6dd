import time
import tests.support.manifests as m
import tests.engine.test_property_manifests as t
from tests.engine.test_property_manifests import *
old=m.apply
def apply(s,o,*,dry_run):
    o=list(o); a=time.time(); r=old(s,o,dry_run=dry_run); print("apply", len(o), round(time.time()-a,1), r[:300], flush=True); return r
t.apply=apply
oo=t.objects_of
def objects_of(s):
    a=time.time(); r=oo(s); print("objects", round(time.time()-a,1), flush=True); return r
t.objects_of=objects_of
