//! What stops a request besides budgets, through the daemon's door: permissions, models, blocks, rotation, expiry and
//! the file quota (R16, R17, R23, R28, R41).

use anyhow::{Result, ensure};
use mete_control::{BlockTarget, KeyChange, LimitChange, NewAdminKeyInput, NewBlockInput, NewKeyInput};
use mete_core::manual_block::ManualBlockKind;
use mete_core::permissions::{Access, PermissionKind, Permissions, Scopes};
use mete_core::time::{DAY, SECOND};
use mete_core::{EndpointGroup, Nanos, Timestamp};
use mete_store::Setting;
use mete_tests::{TestStore, each_engine};

use crate::gate::{spend, start};
use crate::support::stage::operator;
use crate::support::{Key, Line, Stage, append};

const CHAT: &str = "x-original-method: POST\r\nx-original-uri: /v1/chat/completions\r\nx-mete-model: gpt-4o\r\n";
const MODELS: &str = "x-forwarded-method: GET\r\nx-forwarded-uri: /v1/models\r\n";

/// The headers of a file that comes in.
fn upload(bytes: u64) -> String {
    format!("x-original-method: POST\r\nx-original-uri: /v1/files\r\nx-mete-bytes: {bytes}\r\n")
}

/// Permissions for one group.
fn only(group: EndpointGroup, access: Access) -> Permissions {
    let mut scopes = Scopes::default();
    scopes.grant(group, access).unwrap();
    Permissions { kind: PermissionKind::Restricted, scopes }
}

/// Places a block or release on a key.
async fn place(stage: &mut Stage<'_>, key: &Key, kind: ManualBlockKind, until: Option<Timestamp>) -> Result<String> {
    let input = NewBlockInput { target: BlockTarget::Key(key.id.clone()), kind, reason: "It leaked.".into(), until };
    Ok(stage.control().add_block(&operator(), &input).await?.id)
}

each_engine! {
    async fn r16_a_key_does_what_it_may_and_an_edit_is_known_soon(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let permissions = only(EndpointGroup::Models, Access::Read);
        let key = stage.key_of(&NewKeyInput { permissions, ..NewKeyInput::for_person("Bot", "eve@acme.test") }).await?;
        let (meted, gateway) = start(&stage)?;
        ensure!(gateway.ask_about(&key.secret, MODELS)?.status == 204);
        let refused = gateway.answers_about(&key.secret, CHAT, 403, "")?;
        let error = &refused.body["error"];
        ensure!(error["code"].is_null() && error["type"] == "invalid_request_error", "{refused:?}");
        ensure!(error["message"].as_str().unwrap().contains("Missing scopes: chat_completions.write"), "{refused:?}");
        ensure!(gateway.ask(&key.secret)?.status == 403, "a gateway that does not tell");
        let permissions = Some(only(EndpointGroup::ChatCompletions, Access::Write));
        stage.control().edit_key(&operator(), &key.id, &KeyChange { permissions, ..KeyChange::default() }).await?;
        gateway.answers_about(&key.secret, CHAT, 204, "")?;
        ensure!(gateway.ask_about(&key.secret, MODELS)?.status == 403);
        meted.stop()?;
        Ok(())
    }

    async fn r41_a_block_refuses_and_a_release_lets_through(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Support").await?;
        let (key, other) = (stage.key("Support").await?, stage.key("Support").await?);
        stage.budget(Some("Support"), 10).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 204, "")?;
        let block = place(&mut stage, &key, ManualBlockKind::Block, None).await?;
        let refused = gateway.answers(&key.secret, 429, "access_blocked")?;
        ensure!(refused.head.contains("x-should-retry: false"), "{refused:?}");
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("It leaked."), "{refused:?}");
        ensure!(gateway.ask(&other.secret)?.status == 204, "another key of the project");
        stage.control().lift_block(&operator(), &block).await?;
        gateway.answers(&key.secret, 204, "")?;

        spend(&mut stage, "a", &key, 10);
        gateway.answers(&key.secret, 429, "project_spend_limit_exceeded")?;
        place(&mut stage, &key, ManualBlockKind::Release, None).await?;
        gateway.answers(&key.secret, 204, "")?;
        ensure!(gateway.ask(&other.secret)?.code() == "project_spend_limit_exceeded");
        // Released or not, what it spends is counted.
        spend(&mut stage, "b", &key, 5);
        stage.counted().await?;
        ensure!(gateway.ask(&key.secret)?.status == 204);
        meted.stop()?;
        stage.check().await
    }

    async fn r41_a_block_ends_with_its_time_and_no_job(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 204, "")?;
        let until = Stage::now().plus(5 * SECOND);
        place(&mut stage, &key, ManualBlockKind::Block, Some(until)).await?;
        let refused = gateway.answers(&key.secret, 429, "access_blocked")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains(&until.to_the_second().to_string()), "{refused:?}");
        gateway.answers(&key.secret, 204, "")?;
        ensure!(Stage::now() >= until);
        meted.stop()?;
        Ok(())
    }

    async fn r18_a_rotated_secret_works_until_its_grace_is_over(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers(&key.secret, 204, "")?;
        let second = stage.control().rotate_key(&operator(), &key.id, DAY).await?;
        gateway.answers(second.secret.reveal(), 204, "")?;
        ensure!(gateway.ask(&key.secret)?.status == 204, "the grace");
        let third = stage.control().rotate_key(&operator(), &key.id, 0).await?;
        gateway.answers(third.secret.reveal(), 204, "")?;
        let refused = gateway.answers(second.secret.reveal(), 401, "invalid_api_key")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("was rotated"), "{refused:?}");
        let expires_at = Some(Some(Stage::now().plus(2 * SECOND)));
        stage.control().edit_key(&operator(), &key.id, &KeyChange { expires_at, ..KeyChange::default() }).await?;
        let refused = gateway.answers(third.secret.reveal(), 401, "invalid_api_key")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("expired on"), "{refused:?}");
        meted.stop()?;
        Ok(())
    }

    async fn r17_r23_administration_keys_and_foreign_models_are_refused(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        stage.project("Support").await?;
        let key = stage.key("Support").await?;
        let organization = stage.organization.clone();
        let member = Some("dana@acme.test".to_owned());
        let input = NewAdminKeyInput { organization, member, name: String::new(), expires_at: None };
        let admin = stage.control().create_admin_key(&operator(), &input).await?;
        let (meted, gateway) = start(&stage)?;
        let refused = gateway.answers(admin.secret.reveal(), 401, "invalid_api_key")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("administration API only"), "{refused:?}");
        gateway.answers_about(&key.secret, CHAT, 204, "")?;
        let list = |models: &[&str]| LimitChange {
            models: Some(Some(models.iter().map(|model| (*model).to_owned()).collect())),
            ..LimitChange::default()
        };
        stage.limit(Some("Support"), &list(&["o3"])).await?;
        let refused = gateway.answers_about(&key.secret, CHAT, 403, "model_not_found")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("'gpt-4o'"), "{refused:?}");
        stage.limit(Some("Support"), &list(&["o3", "gpt-4o"])).await?;
        gateway.answers_about(&key.secret, CHAT, 204, "")?;
        meted.stop()?;
        Ok(())
    }

    async fn r28_stored_bytes_stop_uploads_and_freed_ones_let_them_through(store: &TestStore) -> Result<()> {
        let mut stage = Stage::new(store).await?;
        let key = stage.key("Bot").await?;
        stage.control().set_setting(&operator(), Setting::FileQuotaBytes, 1_000).await?;
        let (meted, gateway) = start(&stage)?;
        gateway.answers_about(&key.secret, &upload(600), 204, "")?;
        bytes(&mut stage, "a", &key, 600);
        let refused = gateway.answers_about(&key.secret, &upload(600), 413, "file_storage_quota_exceeded")?;
        ensure!(refused.body["error"]["message"].as_str().unwrap().contains("project 'Bot'"), "{refused:?}");
        ensure!(gateway.ask_about(&key.secret, &upload(400))?.status == 204, "it still fits");
        meted.stop()?;

        // Another daemon knows at once.
        let (meted, gateway) = start(&stage)?;
        ensure!(gateway.ask_about(&key.secret, &upload(600))?.status == 413);
        bytes(&mut stage, "b", &key, -300);
        gateway.answers_about(&key.secret, &upload(600), 204, "")?;
        stage.control().set_setting(&operator(), Setting::FileQuotaBytes, 899).await?;
        gateway.answers_about(&key.secret, &upload(600), 413, "file_storage_quota_exceeded")?;
        meted.stop()?;
        stage.check().await
    }
}

/// Stores or frees bytes with a key.
fn bytes(stage: &mut Stage<'_>, id: &str, key: &Key, bytes: i64) {
    let line = Line::own(id, Stage::now(), Nanos(1)).with(&key.field()).with(&format!(r#""bytes":{bytes}"#));
    append(&stage.path("usage.jsonl"), std::slice::from_ref(&line));
    stage.expect(&[line]);
}
