// What an operator's Go program does with cloudstack-go: each line it prints is a step that held.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/xanzy/go-cloudstack/cloudstack"
)

type facts map[string]interface{}

var env = os.Getenv

func main() {
	cs := cloudstack.NewAsyncClient(env("URL"), env("KEY"), env("SECRET"), true)
	cs.AsyncTimeout(60)
	store := addStore(cs)
	id := registerTemplate(cs)
	moveTemplate(cs, id)
	uploadVolume(cs)
	useSnapshot(cs)
	readPages(cs)
	tryErrors(cs)
	deleteAll(cs, id, store)
}

func addStore(cs *cloudstack.CloudStackClient) string {
	add := cs.ImageStore.NewAddImageStoreParams("directory")
	add.SetName("go-store")
	add.SetZoneid(env("ZONE"))
	add.SetDetails(map[string]string{"root": env("ROOT")})
	_, err := cs.ImageStore.AddImageStore(add)
	must("addImageStore", err)
	store, count, err := cs.ImageStore.GetImageStoreByName("go-store")
	must("listImageStores", err)
	told("store", facts{"name": store.Name, "zone": store.Zoneid, "count": count})
	return store.Id
}

func registerTemplate(cs *cloudstack.CloudStackClient) string {
	types, err := cs.GuestOS.ListOsTypes(cs.GuestOS.NewListOsTypesParams())
	must("listOsTypes", err)
	kind := types.OsTypes[0].Id
	register := cs.Template.NewRegisterTemplateParams("go", "RAW", "KVM", "go-image", kind, env("IMAGE"))
	register.SetZoneid(env("ZONE"))
	register.SetIsextractable(true)
	registered, err := cs.Template.RegisterTemplate(register)
	must("registerTemplate", err)
	id := registered.RegisterTemplate[0].Id
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		found, _, err := cs.Template.GetTemplateByID(id, "self")
		must("listTemplates", err)
		if found.Isready {
			told("template", facts{"status": found.Status, "size": found.Size})
			return id
		}
	}
	must("listTemplates", fmt.Errorf("never ready"))
	return id
}

func moveTemplate(cs *cloudstack.CloudStackClient, id string) {
	extract := cs.Template.NewExtractTemplateParams(id, "HTTP_DOWNLOAD")
	extract.SetZoneid(env("ZONE"))
	extracted, err := cs.Template.ExtractTemplate(extract)
	must("extractTemplate", err)
	told("extract", facts{"content": content(extracted.Url), "state": extracted.State})
	params := cs.Template.NewCopyTemplateParams(id)
	params.SetDestzoneids([]string{env("OTHER")})
	copied, err := cs.Template.CopyTemplate(params)
	must("copyTemplate", err)
	told("copied", facts{"same": copied.Id == id})
}

func uploadVolume(cs *cloudstack.CloudStackClient) {
	upload := cs.Volume.NewUploadVolumeParams("RAW", "go-volume", env("IMAGE"), env("ZONE"))
	made, err := cs.Volume.UploadVolume(upload)
	must("uploadVolume", err)
	volume, count, err := cs.Volume.GetVolumeByID(made.Id)
	must("listVolumes", err)
	told("volume", facts{"state": volume.State, "size": volume.Size, "count": count})
	link, err := cs.Volume.ExtractVolume(cs.Volume.NewExtractVolumeParams(made.Id, "HTTP_DOWNLOAD", env("ZONE")))
	must("extractVolume", err)
	read := content(link.Url)
	gone, err := cs.Volume.DeleteVolume(cs.Volume.NewDeleteVolumeParams(made.Id))
	must("deleteVolume", err)
	told("volume gone", facts{"success": gone.Success, "content": read})
}

func useSnapshot(cs *cloudstack.CloudStackClient) {
	found, count, err := cs.Snapshot.GetSnapshotByID(env("SNAPSHOT"))
	must("listSnapshots", err)
	told("snapshot", facts{"state": found.State, "zone": found.Zoneid, "count": count})
	gone, err := cs.Snapshot.DeleteSnapshot(cs.Snapshot.NewDeleteSnapshotParams(env("SNAPSHOT")))
	must("deleteSnapshot", err)
	told("snapshot gone", gone.Success)
}

func readPages(cs *cloudstack.CloudStackClient) {
	names := []string{}
	for page := 1; page <= 2; page++ {
		params := cs.Zone.NewListZonesParams()
		params.SetPage(page)
		params.SetPagesize(1)
		zones, err := cs.Zone.ListZones(params)
		must("listZones", err)
		names = append(names, fmt.Sprintf("%s of %d", zones.Zones[0].Id, zones.Count))
	}
	told("pages", names)
}

func tryErrors(cs *cloudstack.CloudStackClient) {
	_, err := cs.ImageStore.DeleteImageStore(cs.ImageStore.NewDeleteImageStoreParams("no-such-store"))
	refused("refused", err)
	_, count, err := cs.Volume.GetVolumeByID("no-such-volume")
	if err == nil {
		must("listVolumes", fmt.Errorf("there is one"))
	}
	told("none", facts{"count": count})
	lost := cs.Volume.NewUploadVolumeParams("RAW", "go-lost", env("MISSING"), env("ZONE"))
	_, err = cs.Volume.UploadVolume(lost)
	refused("failed", err)
}

func deleteAll(cs *cloudstack.CloudStackClient, id string, store string) {
	deleted, err := cs.Template.DeleteTemplate(cs.Template.NewDeleteTemplateParams(id))
	must("deleteTemplate", err)
	gone, err := cs.ImageStore.DeleteImageStore(cs.ImageStore.NewDeleteImageStoreParams(store))
	must("deleteImageStore", err)
	told("deleted", facts{"template": deleted.Success, "store": gone.Success})
}

func content(url string) string {
	reply, err := http.Get(url)
	must("link", err)
	defer reply.Body.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, reply.Body)
	must("link", err)
	return fmt.Sprintf("sha256:%x", hash.Sum(nil))
}

func refused(step string, err error) {
	if err == nil {
		must(step, fmt.Errorf("it was not refused"))
	}
	told(step, strings.TrimSpace(err.Error()))
}

func told(step string, what interface{}) {
	line, err := json.Marshal(facts{"step": step, "facts": what})
	must("json", err)
	fmt.Println(string(line))
}

func must(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}
